module countersign/peer

go 1.27
