/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, and what is needed of libssl beside it, loaded by the first who asks (sys/library.h).
 * Included instead of <curl/curl.h>; nothing of it may be called before curl_load has succeeded. */
#ifndef REMOTE_CURL_DOOR_H
#define REMOTE_CURL_DOOR_H

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "base/err.h"

int curl_load(struct err *err) must_check;

/* curl_easy_setopt and curl_easy_getinfo are functions of ours that pass on, so that libcurl's
 * macros around them go on checking the types of what they are given. */
struct curl_door {
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_perform) easy_perform;
	__typeof__(&curl_easy_reset) easy_reset;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_free) free;
	__typeof__(&curl_getdate) getdate;
	__typeof__(&curl_global_init) global_init;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free_all;
	__typeof__(&curl_url) url;
	__typeof__(&curl_url_cleanup) url_cleanup;
	__typeof__(&curl_url_get) url_get;
	__typeof__(&curl_url_set) url_set;
	__typeof__(&SSL_CTX_load_verify_file) load_verify_file;
};
extern struct curl_door curl_door;

#define curl_easy_cleanup	 curl_door.easy_cleanup
#define curl_easy_init		 curl_door.easy_init
#define curl_easy_perform	 curl_door.easy_perform
#define curl_easy_reset		 curl_door.easy_reset
#define curl_easy_strerror	 curl_door.easy_strerror
#define curl_free		 curl_door.free
#define curl_getdate		 curl_door.getdate
#define curl_slist_append	 curl_door.slist_append
#define curl_slist_free_all	 curl_door.slist_free_all
#define curl_url		 curl_door.url
#define curl_url_cleanup	 curl_door.url_cleanup
#define curl_url_get		 curl_door.url_get
#define curl_url_set		 curl_door.url_set
#define SSL_CTX_load_verify_file curl_door.load_verify_file

#endif
