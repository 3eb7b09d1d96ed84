build-asan-ubsan/log.o: src/log.c src/log.h src/text.h src/buffer.h \
 src/clock.h src/mem.h
src/log.h:
src/text.h:
src/buffer.h:
src/clock.h:
src/mem.h:
