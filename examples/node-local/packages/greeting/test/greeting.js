// SPDX-License-Identifier: Apache-2.0
"use strict";

require("assert").strictEqual(require("..")("you"), "hello, you");
