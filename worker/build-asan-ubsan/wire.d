build-asan-ubsan/wire.o: src/wire.c src/wire.h src/buffer.h src/text.h \
 src/clock.h
src/wire.h:
src/buffer.h:
src/text.h:
src/clock.h:
