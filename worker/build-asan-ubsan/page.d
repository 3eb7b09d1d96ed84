build-asan-ubsan/page.o: src/page.c src/page.h src/buffer.h
src/page.h:
src/buffer.h:
