# Celeriac: the extension is built here by PGXS, the worker program by
# worker/Makefile.  "make", "make install", "make installcheck" and "make clean"
# act on both.

EXTENSION = celeriac
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)
PGFILEDESC = "celeriac - tasks inside PostgreSQL"

# worker/sdk runs C tasks; executors do so as well.
MODULE_big = $(EXTENSION)
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c worker/sdk/*.c)))

# The install script is the parts of src/sql in this order: header first, since
# it locks the search path; grants last, since they name what exists.
SQL_PARTS = header roles types tables state queue definition send canvas work ask \
	graph control worker monitor grants
SQL_FILES = $(SQL_PARTS:%=src/sql/%.sql)
ifneq ($(sort $(SQL_FILES)),$(sort $(wildcard src/sql/*.sql)))
$(error SQL_PARTS does not list exactly the files in src/sql)
endif

DATA = $(wildcard src/sql/upgrade/$(EXTENSION)--*--*.sql)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

PG_CPPFLAGS = -Isrc -Iworker/include -Iworker \
	-DCELERIAC_VERSION='"$(EXTVERSION)"'
# The exceptions are what the server's own headers need under -Wextra, and what
# clang does not know of the flags that a server built by gcc records.
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-missing-format-attribute
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-attributes \
	-Wno-ignored-optimization-argument
endif
SHLIB_LINK = -ljansson -ldl

# Each suite starts servers of its own, with the library preloaded.
REGRESS_TOPICS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql)))
REGRESS = $(filter install,$(REGRESS_TOPICS)) $(filter-out install,$(REGRESS_TOPICS))
REGRESS_OPTS = --temp-instance=./tmp_check_regress --temp-config=test/regress.conf
ISOLATION = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=celeriac \
	--temp-instance=./tmp_check_iso --temp-config=test/regress.conf
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl
EXTRA_CLEAN = tmp_check_regress src/base/condition_table.h

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# Objects depend on the headers they read.  Bitcode for inlining by the JIT is
# not built: no function here is worth inlining into an expression.
override autodepend = yes
override with_llvm = no
include $(PGXS)
PROVE_FLAGS += -I test/perl

all: checkver

# The options of a task are filled in from the header that the C code reads.
OPTIONS = worker/include/celeriac/options.h
$(EXTENSION)--$(EXTVERSION).sql: src/sql/options.awk $(OPTIONS) $(SQL_FILES)
	awk -f src/sql/options.awk $(OPTIONS) $(SQL_FILES) > $@

# The server does not export the names of its conditions.
ERRCODES = $(shell $(PG_CONFIG) --sharedir)/errcodes.txt
src/base/condition_table.h: src/base/condition.awk src/base/errors.h $(ERRCODES)
	awk -f src/base/condition.awk $(ERRCODES) src/base/errors.h > $@
src/base/condition.o: src/base/condition_table.h

# The version stands in the control file; whatever repeats it must agree.
.PHONY: checkver
checkver:
	@test "`grep -c '"version": "$(EXTVERSION)"' META.json`" = 2 || \
		{ echo "META.json does not say version $(EXTVERSION) twice" >&2; exit 1; }
	@grep -q '^## $(EXTVERSION)\( \|$$\)' CHANGELOG.md || \
		{ echo "CHANGELOG.md has no entry for $(EXTVERSION)" >&2; exit 1; }

# The program, the SDK's header and its pkg-config file go where shells and
# compilers look, not among the server's own files.
WORKER_PREFIX = /usr/local
WORKER_MAKE = $(MAKE) -C worker VERSION=$(EXTVERSION) PG_CONFIG=$(PG_CONFIG) \
	prefix=$(WORKER_PREFIX) DESTDIR=$(DESTDIR)

.PHONY: worker worker-install worker-clean
worker:
	$(WORKER_MAKE) all
worker-install: worker
	$(WORKER_MAKE) install
worker-clean:
	$(WORKER_MAKE) clean
all: worker
install: worker-install
clean: worker-clean

# Every suite, as CI runs them; "make installcheck" runs the first three.
.PHONY: check-all check-unit check-pgtap check-style
check-all:
	test/run
check-unit check-pgtap check-style: check-%:
	test/run $*
