/* SPDX-License-Identifier: Apache-2.0 */
/* The image config: what to run, with what environment, of which layers, and how it was made.
 * Source: OCI image-spec v1.1, config.md; Docker's additions (Healthcheck, Shell, OnBuild,
 * ArgsEscaped) as in moby's image/spec. Members rootlet does not know are kept and written back.
 *
 * A struct config owns its memory (config_done). An absent member and an empty one are the same
 * and are not written. */
#ifndef IMAGE_CONFIG_H
#define IMAGE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "codec/json.h"
#include "image/descriptor.h"
#include "image/digest.h"

#define CONFIG_SIZE_MAX ((size_t)8 * 1024 * 1024)

struct healthcheck { /* no check is an empty test; {"NONE"} switches an inherited one off */
	struct strings test;
	int64_t interval_ns; /* 0: default */
	int64_t timeout_ns;
	int64_t start_period_ns;
	int64_t start_interval_ns;
	int64_t retries;
};

struct history {
	char *created; /* RFC 3339; each text may be NULL */
	char *created_by;
	char *author;
	char *comment;
	bool empty_layer;
};

struct config {
	char *created; /* RFC 3339; texts are NULL when absent */
	char *author;
	char *architecture;
	char *os;
	char *variant;
	char *os_version;

	char *user;
	char *working_dir;
	char *stop_signal;
	struct strings env; /* NAME=VALUE, in order */
	struct strings entrypoint;
	struct strings cmd;
	struct strings shell;
	struct strings on_build;
	struct strings labels;	      /* NAME=VALUE, sorted when written; a name holds no '=' */
	struct strings exposed_ports; /* "80/tcp", sorted when written */
	struct strings volumes;	      /* sorted when written */
	struct healthcheck healthcheck;

	struct digest *diff_ids; /* of the uncompressed layers, lowest first */
	size_t diff_id_count;
	struct history *history;
	size_t history_count;

	struct json *other; /* unknown members of the document and of "config"; may be NULL */
	struct json *other_config;
};

void config_init(struct config *config); /* empty, for this machine's platform */
void config_done(struct config *config);
#define auto_config cleanup(config_done) struct config /* initialise with { 0 } */

/* -EINVAL names the member. The number of history entries that are not empty_layer need not match
 * the layers (many real images get it wrong). */
int config_parse(const void *bytes, size_t size_bytes, struct config *ret_config,
		 struct err *err) must_check;
/* One line of JSON, always the same bytes for the same content. */
void config_print(const struct config *config, struct buf *buf);
void config_copy(const struct config *config, struct config *ret_config);

/* Replace a text; NULL or "" makes it absent. config_set(&config->user, "daemon"). */
void config_set(char **member, const char *text);
void config_add_diff_id(struct config *config, const struct digest *diff_id);
/* Copies the texts. */
void config_add_history(struct config *config, const struct history *history);
struct platform config_platform(const struct config *config); /* borrows from config */

#endif
