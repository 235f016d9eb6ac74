// SPDX-License-Identifier: Apache-2.0
/* A build cache to a registry: layers, several at once, then the config, then the manifest, so that
 * the name never stands for something of which parts are missing. */
#include <string.h>
#include <sys/mman.h>

#include "base/banned.h"
#include "base/io.h"
#include "flow/cache_artifact.h"
#include "flow/parallel.h"
#include "remote/registry.h"

#define THREADS 4

struct pushing {
	const struct cache_artifact *artifact;
	struct remote remote;
	struct endpoint endpoint;
	struct registry *registry;
	atomic_bool cancel;
};

static int put(const struct pushing *pushing, const struct descriptor *descriptor, int fd,
	       struct err *err)
{
	const struct strings nowhere = { 0 };
	const struct registry_upload upload = { .descriptor = descriptor,
						.fd = fd,
						.mount_from = &nowhere };
	enum registry_upload_result result;

	return registry_put_blob(pushing->registry, pushing->endpoint.ref.name, &upload, &result,
				 err);
}

static int put_layer(void *context, size_t index, struct err *err)
{
	const struct pushing *pushing = context;
	const struct cache_blob *blob = &pushing->artifact->blob[index];
	auto_fd fd = -1;
	int r = cache_artifact_open(pushing->artifact, blob, &fd, err);

	return r < 0 ? r : put(pushing, &blob->descriptor, fd, err);
}

static int put_config(const struct pushing *pushing, struct err *err)
{
	const struct buf *config = &pushing->artifact->config;
	auto_fd fd = memfd_create("config", MFD_CLOEXEC);

	if (fd < 0 || io_write_all(fd, config->bytes, config->size_bytes) < 0)
		return fail(err, fd < 0 ? errno : ENOMEM, "keep the config in memory");
	return put(pushing, &pushing->artifact->config_descriptor, fd, err);
}

static int push_all(struct pushing *pushing, const struct ref *ref,
		    const struct remote_settings *settings, char *const *environ_list,
		    struct err *err)
{
	const struct cache_artifact *artifact = pushing->artifact;
	struct remote_settings mine = *settings;
	int r;

	mine.cancel = &pushing->cancel;
	r = remote_init(&pushing->remote, &mine, environ_list, err);
	if (r == 0)
		r = registries_push(&pushing->remote.registries, ref, &pushing->endpoint, err);
	if (r == 0)
		r = registry_open(&pushing->remote, &pushing->endpoint, NULL, &pushing->registry,
				  err);
	if (r == 0)
		r = parallel_run(artifact->blob_count, THREADS, put_layer, pushing,
				 &pushing->cancel, err);
	if (r == 0)
		r = put_config(pushing, err);
	return r < 0 ? r
		     : registry_put_manifest(pushing->registry, pushing->endpoint.ref.name,
					     pushing->endpoint.ref.tag, MEDIA_OCI_MANIFEST,
					     &artifact->manifest, err);
}

int cache_artifact_to_registry(const struct cache_artifact *artifact, const char *ref,
			       const struct remote_settings *settings, char *const *environ_list,
			       struct err *err)
{
	struct pushing pushing = { .artifact = artifact };
	struct ref parsed;
	int r = ref_parse(ref, &parsed, err);

	if (r == 0)
		r = push_all(&pushing, &parsed, settings, environ_list, err);
	registry_free(pushing.registry);
	remote_done(&pushing.remote);
	return r < 0 ? err_wrap(err, "'%s'", ref) : 0;
}
