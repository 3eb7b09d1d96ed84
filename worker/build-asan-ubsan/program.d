build-asan-ubsan/program.o: src/program.c src/program.h src/frame.h \
 src/buffer.h src/text.h src/page.h src/log.h
src/program.h:
src/frame.h:
src/buffer.h:
src/text.h:
src/page.h:
src/log.h:
