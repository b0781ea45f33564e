module retain

go 1.26
