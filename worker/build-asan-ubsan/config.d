build-asan-ubsan/config.o: src/config.c src/config.h src/log.h src/text.h \
 src/option.h src/program.h src/frame.h src/buffer.h src/page.h src/mem.h
src/config.h:
src/log.h:
src/text.h:
src/option.h:
src/program.h:
src/frame.h:
src/buffer.h:
src/page.h:
src/mem.h:
