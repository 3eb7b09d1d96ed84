build-asan-ubsan/job.o: src/job.c src/job.h src/frame.h src/buffer.h \
 src/text.h src/clock.h src/mem.h
src/job.h:
src/frame.h:
src/buffer.h:
src/text.h:
src/clock.h:
src/mem.h:
