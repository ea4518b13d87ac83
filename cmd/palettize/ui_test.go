package main

import (
	"context"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
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

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		name, want string
		room       int
	}{
		{"layer.weight", "layer.weight", 12},
		{"layer.weight", "...r.weight", 11},
		{"", "", 5},
		{"größe.größe", "...größe", 8},
		{"größe.größe", "...öße", 6},
		{"ae\u0301\u0301.e\u0301\u0301.weight", "....weight", 10}, // accents stay with their letters
		{"xae\u0301\u0301.e\u0301\u0301.weight", "...e\u0301\u0301.weight", 11},
		{"重み.重み", "...重み", 7}, // each takes two columns
		{"重み.重み", "...み", 6},
		{"重み.重み", "...み", 5},
		{"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "...👩‍👩‍👧", 5},
	} {
		got := ending(c.name, c.room)
		if got != c.want || uniseg.StringWidth(got) > c.room || !utf8.ValidString(got) {
			t.Errorf("ending(%q, %d) is %q, want %q", c.name, c.room, got, c.want)
		}
	}
}
