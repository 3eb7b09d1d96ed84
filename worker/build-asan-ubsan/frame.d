build-asan-ubsan/frame.o: src/frame.c src/frame.h src/buffer.h src/text.h
src/frame.h:
src/buffer.h:
src/text.h:
