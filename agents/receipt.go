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
	return fmt.Sprintf("%s%s\n%s: the branch has been brought up to date with %s since. Its checks judge it again, and the proof is made again when there is time.\n%s", words, factoryMark, voidMark, base, receipt)
}

// receiptHeading begins a receipt in a pull request's text, and sectionHeading what stands behind it.
const (
	receiptHeading = "### Proof\n"
	sectionHeading = "\n### "
	closingWords   = "\nCloses #"
)

// renewedReceipt is a pull request's text with another receipt in the place of its own, and no word of its being void. A text without a receipt
// stays as it is.
func renewedReceipt(body, base string, receipt proof.Receipt) string {
	words, ours, found := strings.Cut(body, factoryMark)
	at := strings.Index(ours, receiptHeading)
	if !found || at < 0 {
		return body
	}
	rest := ours[at:]
	end := len(rest)
	for _, next := range []string{sectionHeading, closingWords} {
		if i := strings.Index(rest, next); i >= 0 {
			end = min(end, i)
		}
	}
	made := fmt.Sprintf("%s\n\n_Made again after an update from %s._", strings.TrimSpace(receipt.Markdown()), base)
	return fmt.Sprintf("%s%s\n%s\n%s", words, factoryMark, made, rest[end:])
}
