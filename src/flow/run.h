/* SPDX-License-Identifier: Apache-2.0 */
/* run: from what was asked to a box, and the box through an engine. */
#ifndef FLOW_RUN_H
#define FLOW_RUN_H

#include "base/err.h"
#include "base/strings.h"
#include "box/box.h"
#include "engine/engine.h"
#include "flow/run_changes.h"
#include "rootfs/view.h"
#include "store/image.h"

struct run_request {
	const char *store;	  /* NULL: the default */
	const char *root;	  /* image reference, or path of a directory or tar file */
	const char *pull;	  /* "missing", "always", "never": images; NULL is missing */
	bool unpack;		  /* a squashfs file, instead of mounting it */
	bool host_root;		  /* the host's own tree instead; root is NULL */
	struct strings command;	  /* empty: the image's, or a shell */
	const char *entrypoint;	  /* NULL: the image's; "" : none */
	bool shell;		  /* start a shell instead of the image's command */
	struct box_mounts mounts; /* in order; host paths absolute */
	struct strings env;	  /* NAME=VALUE or NAME */
	struct strings env_files;
	struct strings env_host_globs; /* host variables to pass */
	struct strings unset_env_globs;
	const char *cwd;
	const char *overlay; /* folder that keeps the changes; NULL: they are thrown away */
	const char *commit;  /* name for an image with the changes; NULL */
	const char *home;    /* host directory that is the user's home inside */
	bool empty_home;     /* an empty directory is */
	struct strings
		scratch;  /* in an environment: directories that are empty there, as /tmp is */
	bool pure;	  /* nothing of the user's configuration */
	const char *user; /* USER[:GROUP] */
	const char *hostname;
	const char *kernel_release;  /* NULL: the kernel's own */
	const char *network;	     /* "host", "none", "private"; NULL is host */
	const char *pid, *ipc, *uts; /* "host", "private"; NULL is private */
	uint64_t shm_bytes;
	struct strings hidden; /* guest paths */
	const char *seccomp;   /* profile, a JSON file; NULL: none */
	struct limits limits;
	uint64_t drop_capabilities;
	uint64_t timeout_s;    /* 0: none */
	uint64_t preserve_fds; /* descriptors from 3 on */
	bool read_only;
	bool write;
	bool terminal;
	const char *engine;
	const char *emulation; /* NULL is auto */
	const char *ownership; /* "keep", "flatten"; NULL: as the image is marked */
};

void run_request_done(struct run_request *request);

/* The root a box is made for; what it holds must live as long as the box runs. */
struct run_root {
	const char *store_path; /* as asked for */
	struct store store;	/* open where something of it is used */
	struct image image;
	bool is_image;
	bool is_served;		  /* a squashfs file, mounted by another process: */
	int served_fd;		  /* as long as this is open; -1 */
	bool is_refused;	  /* overlayfs does not take it: it may be unpacked */
	struct layer_holds holds; /* its layers, and caches: nobody deletes them meanwhile */
	struct view layers;	  /* whose records root emulation begins with */
	bool is_copy;		  /* of the layers, see run_use_copy */
	bool is_spare;		  /* that copy is one to be given back */
	char copy_name[STORE_WORK_NAME_MAX];
	struct owners merged; /* then: who owns what in it */
	bool is_real;	      /* owners are those the layers record, by the ids of: */
	struct id_space space;
	struct arena arena;
	struct buf passwd, group;
	int directory_fd; /* of a root that is a directory, or -1: it may be unreadable */
	bool is_locked;	  /* by root_lock_share */
	struct environment *environment; /* made by isolate; NULL */
	int environment_fd;		 /* of its folder, locked; or -1 */
	struct run_changes changes;
};
void run_root_init(struct run_root *root);
void run_root_done(struct run_root *root);
#define auto_run_root cleanup(run_root_done) struct run_root

/* Fill in `box` (box_init'ed) and `root` (run_root_init'ed). Nothing is changed on disk but for a
 * tar file, which is imported, cache mounts and the folder that keeps changes, which are made. */
int run_make_box(const struct run_request *request, struct box *box, struct run_root *root,
		 struct err *err) must_check;

/* After a run whose changes stay: take away the mount points it needed, unless another run in the
 * same directory uses them now. `emulation`: see mount_points_remove. */
int run_tidy(const struct run_root *root, const struct box *box, const struct engine_made *made,
	     const struct emulation *emulation, struct err *err) must_check;
/* What depends on the engine: root emulation, and true owners. After run_make_box; changes nothing
 * but the store's cache. -EOVERFLOW names a file whose owner the engine has no id for. */
int run_use_engine(const struct run_request *request, const struct engine *engine, struct box *box,
		   struct run_root *root, struct err *err) must_check;

/* Where overlayfs is refused: a private copy of the image's merged layers; it goes away with
 * run_root_done if run_give_back does not keep it for the next run. Shared: one that all runs read
 * and none writes to, made of links; it goes away with its layers. */
int run_use_copy(struct run_root *root, struct box *box, bool is_shared,
		 struct err *err) must_check;
/* The command and all it started have ended. */
void run_give_back(struct run_root *root);

#endif
