build-asan-ubsan/command.o: src/command.c src/command.h src/text.h
src/command.h:
src/text.h:
