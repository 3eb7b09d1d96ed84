build-asan-ubsan/sdk.o: src/sdk.c src/sdk.h include/celeriac/task.h
src/sdk.h:
include/celeriac/task.h:
