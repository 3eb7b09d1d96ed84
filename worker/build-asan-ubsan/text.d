build-asan-ubsan/text.o: src/text.c src/text.h
src/text.h:
