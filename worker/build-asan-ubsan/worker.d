build-asan-ubsan/worker.o: src/worker.c src/worker.h src/config.h \
 src/log.h src/text.h src/option.h src/program.h src/frame.h src/buffer.h \
 src/page.h src/exitcode.h src/module.h include/celeriac/task.h \
 src/broker.h src/job.h src/clock.h src/command.h src/mem.h src/pool.h \
 src/child.h
src/worker.h:
src/config.h:
src/log.h:
src/text.h:
src/option.h:
src/program.h:
src/frame.h:
src/buffer.h:
src/page.h:
src/exitcode.h:
src/module.h:
include/celeriac/task.h:
src/broker.h:
src/job.h:
src/clock.h:
src/command.h:
src/mem.h:
src/pool.h:
src/child.h:
