package forge

import (
	"errors"
	"io"
	"net/url"
)

// readEnd reads to the end and keeps the last n bytes, in memory for no more than twice as many.
func readEnd(r io.Reader, n int) ([]byte, error) {
	if n <= 0 {
		return nil, nil
	}
	kept := make([]byte, 0, 2*n)
	for {
		if len(kept) == cap(kept) {
			kept = kept[:copy(kept, kept[len(kept)-n:])]
		}
		got, err := r.Read(kept[len(kept):cap(kept)])
		kept = kept[:len(kept)+got]
		if errors.Is(err, io.EOF) {
			return kept[max(0, len(kept)-n):], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// withoutAddress takes the signed address of a log out of an error: whoever has it can read the log.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
