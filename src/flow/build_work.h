/* SPDX-License-Identifier: Apache-2.0 */
/* A step under way, between build_step.c, which does what is the same for all, and build_step_*.c,
 * one for each kind of step that makes a layer. Nobody else includes this. */
#ifndef FLOW_BUILD_WORK_H
#define FLOW_BUILD_WORK_H

#include <time.h>

#include "base/map.h"
#include "engine/emulation.h"
#include "flow/build_copy.h"
#include "flow/build_state.h"
#include "flow/download.h"
#include "flow/git.h"
#include "rootfs/place.h"
#include "sys/ids.h"

struct work {
	struct build *build;
	struct built_stage *stage;
	const struct step *step;
	struct arena arena;
	char work_name[STORE_WORK_NAME_MAX]; /* in the store: holds upper/ and work/ */
	const char *upper_path;		     /* absolute */
	struct view *lower; /* what the step's changes are compared with: the stage, or nothing */
	struct view nothing;
	struct place place;	  /* for kinds that place files themselves */
	struct copy_input *input; /* where they come from, one for each source */
	size_t input_count;
	bool has_changed; /* a file was placed that is not what the key says: do not cache it */
	struct work_list *lists; /* of host paths, that the box points to */
	size_t list_count;
	struct emulation_mount *mounted; /* by RUN, and belongs to others than root */
	const char **mounted_tree;	 /* the same: of a cache mount its tree, else NULL */
	size_t mounted_count;
	unsigned folder_count; /* made in the work folder */
	int *open_fd;	       /* locks held until the step is done */
	size_t open_count;
	char copy_name[STORE_WORK_NAME_MAX]; /* of the whole root, where layers cannot be stacked */
	bool is_kept;			     /* it is the stage's, for the next step */
	struct owners merged;		     /* then: who owns what in it */
	struct id_space space;		     /* of RUN, where owners are real */
	bool has_emulated;   /* the owners of everything the step touched are known */
	struct map emulated; /* path -> struct emulated */
	uid_t new_uid;	     /* who owns what the step makes */
	gid_t new_gid;
};

/* A source of COPY or ADD. */
struct copy_input {
	const struct copy_source *source;
	struct copy_tree tree; /* COPY_PATH, COPY_GIT */
	struct copy_list list; /* what of it is taken */
	/* COPY_URL */
	bool is_downloaded;
	struct download downloaded;
	/* COPY_GIT */
	struct git_commit commit;
	struct git_tree git;
	struct view git_view;
};

struct step_kind {
	bool places; /* fill uses work->place, which is ready then */
	/* Add what the result depends on, beside the stage's files. */
	int (*key)(struct work *work, struct build_key *key, struct err *err);
	/* Make the changes in the upper directory. */
	int (*fill)(struct work *work, struct err *err);
	void (*done)(struct work *work); /* may be NULL */
};

extern const struct step_kind step_kind_run;
extern const struct step_kind step_kind_copy; /* and ADD */
extern const struct step_kind step_kind_workdir;

/* Sources of ADD that are no files of ours (build_step_add.c). Adding to the key asks no more than
 * what the source is now; opening fetches it, where that was not done. */
int add_key(struct work *work, struct copy_input *input, struct build_key *key,
	    struct err *err) must_check;
int add_open(struct work *work, struct copy_input *input, const struct ignore *exclude,
	     struct err *err) must_check;
int add_place_url(struct work *work, struct copy_input *input, const struct copy_target *target,
		  struct err *err) must_check;
void add_done(struct copy_input *input);

/* An empty list that lives as long as the step. */
struct strings *work_new_list(struct work *work);
/* Close it when the step is done. */
void work_keep_open(struct work *work, int fd);
/* The time that counts as now. */
struct timespec work_now(const struct build *build);
/* USER[:GROUP] looked up in the stage's own passwd and group. */
int work_user(struct work *work, const char *spec, struct user *ret_user,
	      struct err *err) must_check;
/* The same for whom files are given to (--chown, WORKDIR): a number alone is the group's as well.
 */
int work_owner(struct work *work, const char *spec, struct user *ret_user,
	       struct err *err) must_check;

struct engine_job;
/* What a run of the box needs of this step: its locks. */
struct engine_job work_job(const struct work *work, const struct box *box,
			   struct emulation *emulation);
struct emulation;
/* Open the tap's emulation for a command of this step; the caller ends it (emulation_done). */
int work_emulation(struct work *work, const struct box *box, struct emulation *ret_emulation,
		   struct err *err) must_check;

static inline const char *or_empty(const char *text)
{
	return text ? text : "";
}

#endif
