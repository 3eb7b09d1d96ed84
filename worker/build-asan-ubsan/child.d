build-asan-ubsan/child.o: src/child.c src/child.h src/module.h \
 include/celeriac/task.h src/page.h src/buffer.h src/program.h \
 src/frame.h src/text.h src/clock.h src/exitcode.h src/log.h src/mem.h \
 src/sdk.h
src/child.h:
src/module.h:
include/celeriac/task.h:
src/page.h:
src/buffer.h:
src/program.h:
src/frame.h:
src/text.h:
src/clock.h:
src/exitcode.h:
src/log.h:
src/mem.h:
src/sdk.h:
