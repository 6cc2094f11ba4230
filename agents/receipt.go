package agents

import (
	"encoding/json"
	"fmt"
	"strings"

	"lightsout/agents/proof"
)

// proofLine is what the card says of a proof. A receipt holds for its own head: at any other one it is void, and the card says so.
func proofLine(receipt, head string) string {
	var r proof.Receipt
	if receipt == "" || json.Unmarshal([]byte(receipt), &r) != nil {
		return ""
	}
	if r.Head == head {
		return r.Line()
	}
	return fmt.Sprintf("void since the head is %.7s; at %.7s: %s", head, r.Head, r.Line())
}

// factoryMark divides a pull request's text: above it stand the session's words, below it the factory's.
const factoryMark = "<!-- lightsout: what follows is the factory's -->"

// voidMark begins the line that takes a receipt back.
const voidMark = "> **Void**"

// voidReceipt is a pull request's text with its receipt taken back, because its branch has been brought up to date: the receipt is of the head
// before. The same text comes out when that has been done already, or when there is no receipt.
func voidReceipt(body, base string) string {
	words, receipt, found := strings.Cut(body, factoryMark)
	if !found || strings.Contains(receipt, voidMark) {
		return body
	}
	return fmt.Sprintf("%s%s\n%s: the branch has been brought up to date with %s since. Its checks judge it again.\n%s", words, factoryMark, voidMark, base, receipt)
}
