build-asan-ubsan/link.o: src/link.c src/link.h \
 /usr/include/postgresql/libpq-fe.h \
 /usr/include/postgresql/postgres_ext.h \
 /usr/include/postgresql/pg_config_ext.h src/buffer.h src/statements.h \
 src/wire.h src/text.h src/clock.h src/log.h src/mem.h
src/link.h:
/usr/include/postgresql/libpq-fe.h:
/usr/include/postgresql/postgres_ext.h:
/usr/include/postgresql/pg_config_ext.h:
src/buffer.h:
src/statements.h:
src/wire.h:
src/text.h:
src/clock.h:
src/log.h:
src/mem.h:
