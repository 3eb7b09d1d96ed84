/*
 * json.h
 *		Small jsonb documents: built, read and changed.
 */
#ifndef CELERIAC_BASE_JSON_H
#define CELERIAC_BASE_JSON_H

#include "base/names.h"

#include "utils/array.h"
#include "utils/jsonb.h"

extern Jsonb *celeriac_empty_array(void);
extern Jsonb *celeriac_empty_object(void);
extern Jsonb *celeriac_json_null(void);
/* a whole document as a value or an element of another */
extern void celeriac_push_document(JsonbParseState **state, JsonbIteratorToken token,
								   Jsonb *document);

/* An object that is built key by key. */
typedef struct OptionsBuilder
{
	JsonbParseState *state;
	bool		any;
} OptionsBuilder;

extern void celeriac_options_number(OptionsBuilder *options, const char *key,
									double value);
extern void celeriac_options_bool(OptionsBuilder *options, const char *key,
								  bool value);
extern void celeriac_options_null(OptionsBuilder *options, const char *key);
extern void celeriac_options_text(OptionsBuilder *options, const char *key,
								  const char *value);
extern void celeriac_options_jsonb(OptionsBuilder *options, const char *key,
								   Jsonb *value);
/* an array whose elements are stored as jsonb */
extern void celeriac_options_array(OptionsBuilder *options, const char *key,
								   ArrayType *array);
/* NULL when nothing was set */
extern Jsonb *celeriac_options_done(OptionsBuilder *options);

/* reading options: false when the key is missing or of another kind */
extern bool celeriac_option_number(Jsonb *options, const char *key, double *value);
extern bool celeriac_option_bool(Jsonb *options, const char *key, bool *value);
extern Jsonb *celeriac_option_jsonb(Jsonb *options, const char *key);
extern char *celeriac_option_text(Jsonb *options, const char *key);

/* small operations on jsonb objects and arrays */
extern Jsonb *celeriac_jsonb_concat(Jsonb *left, Jsonb *right);
extern Jsonb *celeriac_jsonb_without(Jsonb *object, const char *key);
extern Jsonb *celeriac_jsonb_list(Jsonb *element);	/* of one, no scalar */
extern Jsonb *celeriac_jsonb_with(Jsonb *object, const char *key, Jsonb *value);

/* what kind of element it is; of text: is it this one? */
extern bool celeriac_jsonb_is_array(const Jsonb *value);	/* NULL is none */
extern bool celeriac_is_array(const JsonbValue *value);
extern bool celeriac_is_object(const JsonbValue *value);
extern bool celeriac_is_text(const JsonbValue *value, const char *text);

#endif							/* CELERIAC_BASE_JSON_H */
