build-asan-ubsan/mem.o: src/mem.c src/mem.h src/exitcode.h
src/mem.h:
src/exitcode.h:
