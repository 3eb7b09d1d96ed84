build-asan-ubsan/broker.o: src/broker.c src/broker.h src/job.h \
 src/frame.h src/buffer.h src/text.h src/module.h include/celeriac/task.h \
 src/program.h src/page.h src/clock.h src/log.h src/mem.h src/outbox.h \
 src/link.h /usr/include/postgresql/libpq-fe.h \
 /usr/include/postgresql/postgres_ext.h \
 /usr/include/postgresql/pg_config_ext.h src/statements.h src/wire.h
src/broker.h:
src/job.h:
src/frame.h:
src/buffer.h:
src/text.h:
src/module.h:
include/celeriac/task.h:
src/program.h:
src/page.h:
src/clock.h:
src/log.h:
src/mem.h:
src/outbox.h:
src/link.h:
/usr/include/postgresql/libpq-fe.h:
/usr/include/postgresql/postgres_ext.h:
/usr/include/postgresql/pg_config_ext.h:
src/statements.h:
src/wire.h:
