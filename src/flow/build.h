/* SPDX-License-Identifier: Apache-2.0 */
/* build: a Dockerfile and a context become an image. */
#ifndef FLOW_BUILD_H
#define FLOW_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"
#include "box/limits.h"
#include "dockerfile/outline.h"
#include "dockerfile/source.h"
#include "image/digest.h"
#include "remote/remote.h"

struct build_request {
	const char *store;   /* NULL: the default */
	const char *context; /* a directory */
	const char *file;    /* NULL: CONTEXT/Dockerfile */
	struct strings tags;
	struct strings build_args;  /* NAME=VALUE, or NAME for the environment's value */
	struct strings labels;	    /* NAME=VALUE */
	const char *ownership;	    /* the mark of image/ownership.h; NULL: the base's */
	const char *target;	    /* NULL: the last stage */
	struct strings platforms;   /* OS/ARCH[/VARIANT],...; none: this machine's */
	struct strings annotations; /* as build_annotations.h has them */
	struct strings outputs;	    /* as build_output.h has them; none: an image in the store */
	bool push;		    /* the image also goes to the registries of its names */
	const char *metadata_file;  /* what was made, as JSON; or NULL */
	struct strings contexts;    /* NAME=PATH, NAME=docker-image://REF */
	struct strings secrets;	    /* id=ID[,src=FILE|,env=NAME], as docker has it */
	struct strings ssh;	    /* default, or ID[=SOCKET]; see build_agent.h */
	bool no_cache;		    /* no step comes from the cache */
	struct strings no_cache_stages; /* names or numbers of stages of which none does */
	struct strings cache_from;	/* as cache_spec.h has them */
	struct strings cache_to;
	bool debug;		       /* a shell where a RUN failed */
	bool why_miss;		       /* tell of each step why it is not in the cache */
	bool pull;		       /* ask registries also for images that are here */
	struct remote_settings remote; /* for images that are not; its cancel is set here */
	uint64_t jobs;		       /* stages at a time; 0: one per processor */
	const char *network;	       /* "host", "none"; NULL is host */
	struct strings hosts;	       /* lines of host_files_parse_host */
	struct strings device_folders; /* cdi.h */
	struct limits limits;	       /* of RUN */
	uint64_t shm_bytes;	       /* of /dev/shm in RUN; 0: no limit of its own */
	const char *engine;
	const char *emulation;	       /* NULL is auto */
	const char *source_date_epoch; /* seconds; NULL: $SOURCE_DATE_EPOCH if set, else now */
};
void build_request_done(struct build_request *request);

enum build_event_kind {
	BUILD_STEP,   /* a step begins; text is its instruction */
	BUILD_OUTPUT, /* text is a line that a RUN's command wrote */
	BUILD_MISS,   /* text is a reason why the step is not in the cache; with why_miss */
	BUILD_END,    /* a step ended */
};

enum build_outcome { BUILD_DONE, BUILD_CACHED, BUILD_FAILED };

/* What is going on. Every step that began ends, and only once; several may be under way. */
struct build_event {
	enum build_event_kind kind;
	unsigned step;		    /* numbers them as they began, from 1 */
	const char *position;	    /* "[2/4]", or "[builder 1/2]" where there are several stages */
	const char *text;	    /* of all but BUILD_END */
	enum build_outcome outcome; /* BUILD_END */
	uint64_t duration_ms;	    /* BUILD_END */
};

/* What a build check says of the Dockerfile. The rules: dockerfile/lint.h. */
struct build_finding {
	const char *rule; /* "JSONArgsRecommended" */
	const char *description;
	const char *url;
	const char *message;
	struct mark at;
	const char *excerpt; /* the line, with a caret under the column */
};

struct build_findings {
	struct arena arena; /* holds what the rest points at */
	const char *file;   /* how messages call the Dockerfile, and what is in it */
	const char *text;
	size_t text_bytes;
	struct build_finding *item; /* by place */
	size_t count;
};
void build_findings_done(struct build_findings *findings);
#define auto_build_findings cleanup(build_findings_done) struct build_findings

/* For whoever shows it: one call at a time, from any thread. NULL: nobody does. */
struct build_events {
	void (*show)(void *context, const struct build_event *event);
	/* Once, when nothing more is built, and only if something was found. */
	void (*found)(void *context, const struct build_findings *findings);
	/* Somebody else writes to the terminal from now on, or has done so; no calls in between. */
	void (*pause)(void *context, bool paused);
	void *context;
};

struct build_result {
	struct digest image_id; /* of the config; of an index its own */
	struct digest manifest; /* or index */
	bool has_image;		/* an image was made, not only files; else its id is of no use */
	bool took_stdout;	/* an output went there: nothing else must */
	size_t step_count;
	size_t cached_count;
};

/* On failure *ret_excerpt has the place in the Dockerfile with a caret, and the end of the output
 * of a failed RUN; it may be empty. */
int build(const struct build_request *request, const struct build_events *events,
	  struct build_result *ret_result, struct buf *ret_excerpt, struct err *err) must_check;

/* The build checks alone: nothing is run, made or fetched, but for a context or Dockerfile that is
 * not on this machine. Base images are those of the store; what depends on one that is not there
 * is not checked. All stages are looked at, with a target those it needs. *ret_findings is to be
 * empty before; on failure (the Dockerfile would not build) it has what was found until then. */
int build_check(const struct build_request *request, struct build_findings *ret_findings,
		struct buf *ret_excerpt, struct err *err) must_check;

/* What can be asked of a Dockerfile (dockerfile/outline.h), by the same rules. */
struct build_description {
	struct arena arena; /* holds what the rest points at */
	const char *text;   /* the Dockerfile */
	size_t text_bytes;
	struct outline outline; /* of request->target, or the last stage */
	struct outline_target *target;
	size_t target_count;
};
void build_description_done(struct build_description *description);
#define auto_build_description cleanup(build_description_done) struct build_description
int build_describe(const struct build_request *request, struct build_description *ret_description,
		   struct buf *ret_excerpt, struct err *err) must_check;

#endif
