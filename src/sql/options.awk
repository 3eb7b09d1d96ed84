# options.awk
#	The install script from its parts, in which the options of a task are filled
#	in from celeriac/options.h, the first file.
#
# @definition: TEXT@ becomes TEXT for each option of a definition, @send: TEXT@
# for each of a send, with commas between them; %name and %type in it are the
# option's.  At the beginning of a line each has a line of its own.

FNR == 1 {
	file++
}

# KIND(name, "SQL type") \
file == 1 && /^\tKIND\(/ {
	split($0, part, /[("]/)
	sub(/,.*/, "", part[2])
	type[part[2]] = part[3]
}

# OPTION(name, kind, definition, unset, send, signature) \
file == 1 && /^\tOPTION\(/ {
	row = $0
	gsub(/^\tOPTION\(|\).*/, "", row)
	split(row, part, ", ")
	name[++options] = part[1]
	kind[options] = part[2]
	in_scope["definition", options] = part[3] != "none"
	in_scope["send", options] = part[5] == "send"
}

function expand(before, scope, text,    i, one, all, comma)
{
	comma = before ~ /^\t+$/ ? ",\n" before : ", "
	for (i = 1; i <= options; i++)
	{
		if (!in_scope[scope, i])
			continue
		one = text
		gsub(/%name/, name[i], one)
		gsub(/%type/, type[kind[i]], one)
		all = all (all == "" ? "" : comma) one
	}
	return all
}

file > 1 {
	line = $0
	while (match(line, /@(definition|send): [^@]*@/))
	{
		mark = substr(line, RSTART + 1, RLENGTH - 2)
		colon = index(mark, ": ")
		before = substr(line, 1, RSTART - 1)
		after = substr(line, RSTART + RLENGTH)
		line = before expand(before, substr(mark, 1, colon - 1), substr(mark, colon + 2)) after
	}
	print line
}
