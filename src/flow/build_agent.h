/* SPDX-License-Identifier: Apache-2.0 */
/* An agent of the build's own for keys that were given as files: --ssh ID=KEY[,KEY...]. */
#ifndef FLOW_BUILD_AGENT_H
#define FLOW_BUILD_AGENT_H

#include "base/err.h"
#include "base/strings.h"

struct build_agents {
	struct build_agent *agent;
	size_t count;
};

/* Start an agent (OpenSSH's) for each of `agents` that names files with keys, which is then the one
 * with the agent's socket. They end with build_agents_end, and with this process. */
int build_agents_start(struct build_agents *started, struct strings *agents,
		       struct err *err) must_check;
void build_agents_end(struct build_agents *started);

#endif
