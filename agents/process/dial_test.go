package process_test

func dial(string) int     { return 0 }
func daemon([]string) int { return 0 }
