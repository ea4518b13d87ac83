package main

import "testing"

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"plain. text":        "plain. text",
		"a\n.so /etc/passwd": "a\n\\&.so /etc/passwd",
		"'*a*' ~/x^2 `b`":    `\(aq*a*\(aq \(ti/x\(ha2 \(gab\(ga`,
		`--flag \n`:          `\-\-flag \en`,
	} {
		if got := roff(text); got != want {
			t.Errorf("roff(%q) is %q, want %q", text, got, want)
		}
	}
}
