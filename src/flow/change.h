/* SPDX-License-Identifier: Apache-2.0 */
/* Dockerfile instructions applied to an image's config: `import --change`. */
#ifndef FLOW_CHANGE_H
#define FLOW_CHANGE_H

#include "base/strings.h"
#include "image/config.h"

/* Each item is one instruction that changes the config and nothing else (CMD, ENV, LABEL ...);
 * others are -EINVAL, named. */
int config_change(struct config *config, const struct strings *changes, struct err *err) must_check;

#endif
