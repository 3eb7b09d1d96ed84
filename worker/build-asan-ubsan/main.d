build-asan-ubsan/main.o: src/main.c src/config.h src/log.h src/text.h \
 src/option.h src/program.h src/frame.h src/buffer.h src/page.h \
 src/exitcode.h src/worker.h src/module.h include/celeriac/task.h
src/config.h:
src/log.h:
src/text.h:
src/option.h:
src/program.h:
src/frame.h:
src/buffer.h:
src/page.h:
src/exitcode.h:
src/worker.h:
src/module.h:
include/celeriac/task.h:
