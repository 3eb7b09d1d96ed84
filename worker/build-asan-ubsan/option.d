build-asan-ubsan/option.o: src/option.c src/option.h src/mem.h
src/option.h:
src/mem.h:
