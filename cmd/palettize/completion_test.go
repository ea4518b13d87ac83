package main

import (
	"io"
	"strings"
	"testing"
)

// TestChoices: each choice is a value that the flag takes.
func TestChoices(t *testing.T) {
	with := map[string][]string{ // what else a flag needs
		"for": {"--max-error", "0.1"}, "group": {"--scheme", "scalar"},
	}
	for flag, values := range choices() {
		for _, value := range values {
			args := append([]string{"compress", "none.safetensors", "--" + flag, value}, with[flag]...)
			if flag == "kernel" {
				args[0] = "verify"
			}
			code, _, stderr := palettize(args...)
			if code != exitFailed || !strings.Contains(stderr, "none.safetensors") {
				t.Errorf("palettize %s: %s", strings.Join(args, " "), stderr)
			}
		}
	}
}

// TestArguments: each argument of a command is completed.
func TestArguments(t *testing.T) {
	for _, cmd := range newRoot(&env{io.Discard, io.Discard}).Commands() {
		usage := strings.Fields(cmd.Use)
		for at := 1; at < len(usage) && !strings.HasPrefix(usage[at], "[-"); at++ {
			words := cmd.ValidArgs
			if cmd.ValidArgsFunction != nil {
				words, _ = cmd.ValidArgsFunction(cmd, make([]string, at-1), "")
			}
			if len(words) == 0 {
				t.Errorf("%s: %s is not completed", cmd.Use, usage[at])
			}
		}
	}
}
