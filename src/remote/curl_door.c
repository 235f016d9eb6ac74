// SPDX-License-Identifier: Apache-2.0
#include "remote/curl_door.h"

#include <stdarg.h>

#include "base/banned.h"
#include "sys/library.h"

struct curl_door curl_door;

static CURLcode (*setopt)(CURL *easy, CURLoption option, ...);
static CURLcode (*getinfo)(CURL *easy, CURLINFO info, ...);

static const struct library_symbol symbols[] = {
	{ "curl_easy_cleanup", &curl_door.easy_cleanup },
	{ "curl_easy_getinfo", &getinfo },
	{ "curl_easy_init", &curl_door.easy_init },
	{ "curl_easy_perform", &curl_door.easy_perform },
	{ "curl_easy_reset", &curl_door.easy_reset },
	{ "curl_easy_setopt", &setopt },
	{ "curl_easy_strerror", &curl_door.easy_strerror },
	{ "curl_free", &curl_door.free },
	{ "curl_getdate", &curl_door.getdate },
	{ "curl_global_init", &curl_door.global_init },
	{ "curl_slist_append", &curl_door.slist_append },
	{ "curl_slist_free_all", &curl_door.slist_free_all },
	{ "curl_url", &curl_door.url },
	{ "curl_url_cleanup", &curl_door.url_cleanup },
	{ "curl_url_get", &curl_door.url_get },
	{ "curl_url_set", &curl_door.url_set },
	/* dlsym looks through what libcurl itself needs as well */
	{ "SSL_CTX_load_verify_file", &curl_door.load_verify_file },
};

static void ready(void)
{
	curl_door.global_init(CURL_GLOBAL_DEFAULT);
}

int curl_load(struct err *err)
{
	static struct library library = { .name = "libcurl.so.4",
					  .symbol = symbols,
					  .symbol_count = sizeof(symbols) / sizeof(*symbols),
					  .ready = ready,
					  .lock = PTHREAD_MUTEX_INITIALIZER };

	return library_load(&library, err);
}

/* What they get is a long, a curl_off_t or a pointer, which are passed alike where all have one
 * size. The parentheses keep libcurl's macros of the same names away. */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
	       "arguments cannot be passed on");

CURLcode(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
	va_list list;
	void *value;

	va_start(list, option);
	value = va_arg(list, void *);
	va_end(list);
	return setopt(easy, option, value);
}

CURLcode(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
	va_list list;
	void *ret_value;

	va_start(list, info);
	ret_value = va_arg(list, void *);
	va_end(list);
	return getinfo(easy, info, ret_value);
}
