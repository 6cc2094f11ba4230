package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"lightsout/bot"
)

// TestTheREADMEListsTheCommandsOfTheChat holds the README's table to the command table, in order and to the letter.
func TestTheREADMEListsTheCommandsOfTheChat(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := "| command | least role | what it does |\n|---|---|---|\n"
	for _, c := range bot.Commands() {
		role := c.Role
		if role == "" {
			role = "anybody"
		}
		want += fmt.Sprintf("| `%s` | %s | %s |\n", strings.TrimSpace("/"+c.Name+" "+c.Args), role, c.Help)
	}
	if !strings.Contains(string(readme), "\n"+want+"\n") {
		t.Errorf("the table of the README should be:\n%s", want)
	}
}
