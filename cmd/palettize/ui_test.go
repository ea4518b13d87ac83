package main

import (
	"context"
	"errors"
	"testing"
)

func TestTable(t *testing.T) {
	table := table{head: []string{"name", ">n"}}
	table.add("a", "1")
	table.add("b\x1b[2J\n", "1,000")
	table.add("ü|", "")
	if got, want := table.text(), "name            n\na               1\nb\\x1b[2J\\n  1,000\nü|\n"; got != want {
		t.Errorf("text:\n%s\nwant:\n%s", got, want)
	}
	if got, want := table.markdown(), "| name | n |\n| --- | ---: |\n| a | 1 |\n| b\\x1b[2J\\n | 1,000 |\n| ü\\| |  |\n"; got != want {
		t.Errorf("markdown:\n%s\nwant:\n%s", got, want)
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 90868376: "90,868,376", -1234: "-1,234", -123: "-123"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing", nil, exitFine},
		{"usage", usagef("x"), exitUsage},
		{"wrapped usage", inFile("f", usagef("x")), exitUsage},
		{"gate", &gateError{[]string{"x"}}, exitGate},
		{"wrapped interrupt", inFile("f", context.Canceled), exitInterrupted},
		{"anything else", errors.New("x"), exitFailed},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}
