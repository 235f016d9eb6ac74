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
#include "rootfs/place.h"
#include "sys/ids.h"

struct work {
	struct build *build;
	struct built_stage *stage;
	const struct step *step;
	struct arena arena;
	char work_name[STORE_WORK_NAME_MAX]; /* in the store: holds upper/ and work/ */
	const char *upper_path;		     /* absolute */
	struct place place;		     /* for kinds that place files themselves */
	struct copy_tree tree;		     /* where they come from */
	struct copy_list copies;
	struct work_list *lists; /* of host paths, that the box points to */
	size_t list_count;
	int *open_fd; /* locks held until the step is done */
	size_t open_count;
	char copy_name[STORE_WORK_NAME_MAX]; /* of the whole root, where layers cannot be stacked */
	bool has_emulated;   /* the tap knows the owners of everything the step touched */
	struct map emulated; /* path -> struct emulated */
	uid_t new_uid;	     /* who owns what the step makes */
	gid_t new_gid;
};

struct step_kind {
	bool places; /* fill uses work->place, which is ready then */
	/* Add what the result depends on, beside the stage's files. */
	int (*key)(struct work *work, struct build_key *key, struct err *err);
	/* Make the changes in the upper directory. */
	int (*fill)(struct work *work, struct err *err);
};

extern const struct step_kind step_kind_run;
extern const struct step_kind step_kind_copy; /* and ADD */
extern const struct step_kind step_kind_workdir;

/* An empty list that lives as long as the step. */
struct strings *work_new_list(struct work *work);
/* Close it when the step is done. */
void work_keep_open(struct work *work, int fd);
/* The time that counts as now. */
struct timespec work_now(const struct build *build);
/* USER[:GROUP] looked up in the stage's own passwd and group. */
int work_user(struct work *work, const char *spec, struct user *ret_user,
	      struct err *err) must_check;

static inline const char *or_empty(const char *text)
{
	return text ? text : "";
}

#endif
