build-asan-ubsan/pool.o: src/pool.c src/pool.h src/child.h src/module.h \
 include/celeriac/task.h src/page.h src/buffer.h src/program.h \
 src/frame.h src/text.h src/job.h src/clock.h src/exitcode.h src/log.h \
 src/mem.h
src/pool.h:
src/child.h:
src/module.h:
include/celeriac/task.h:
src/page.h:
src/buffer.h:
src/program.h:
src/frame.h:
src/text.h:
src/job.h:
src/clock.h:
src/exitcode.h:
src/log.h:
src/mem.h:
