// SPDX-License-Identifier: Apache-2.0

// Command words counts the words of its arguments, or of standard input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

var version = "unknown"

func main() {
	count := 0
	if len(os.Args) > 1 {
		count = len(strings.Fields(strings.Join(os.Args[1:], " ")))
	} else {
		scanner := bufio.NewScanner(os.Stdin)
		scanner.Split(bufio.ScanWords)
		for scanner.Scan() {
			count++
		}
	}
	fmt.Printf("words %s: %d (uid %d)\n", version, count, os.Getuid())
}
