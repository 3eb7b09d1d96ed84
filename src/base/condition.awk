# condition.awk
#	The table of condition names for condition.c, from the server's errcodes.txt
#	and our errors.h: one line {SQLSTATE, "name"} per condition.

function emit(sqlstate, name,    chars, i)
{
	for (i = 1; i <= 5; i++)
		chars = chars (i > 1 ? ", " : "") "'" substr(sqlstate, i, 1) "'"
	printf "{MAKE_SQLSTATE(%s), \"%s\"},\n", chars, name
}

# errcodes.txt: sqlstate E/W/S macro [name]
/^[0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][0-9A-Z][ \t]/ && NF == 4 {
	emit($1, $4)
}

# errors.h: #define ERRCODE_NAME MAKE_SQLSTATE('T','C','0','0','1')
/^#define ERRCODE_/ {
	sqlstate = $0
	sub(/.*MAKE_SQLSTATE/, "", sqlstate)
	gsub(/[^0-9A-Z]/, "", sqlstate)
	emit(sqlstate, tolower(substr($2, length("ERRCODE_") + 1)))
}
