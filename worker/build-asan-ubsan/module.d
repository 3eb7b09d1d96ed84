build-asan-ubsan/module.o: src/module.c src/module.h \
 include/celeriac/task.h
src/module.h:
include/celeriac/task.h:
