build-asan-ubsan/buffer.o: src/buffer.c src/buffer.h src/mem.h
src/buffer.h:
src/mem.h:
