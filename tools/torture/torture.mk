# The proof over real processes, in its long form; make test runs the short one.
# TORTURE_OPERATIONS, TORTURE_LISTS, TORTURE_CLIENTS, TORTURE_CYCLES, TORTURE_AWAY, TORTURE_RESTARTS and
# TORTURE_SEED change its numbers, TORTURE_RUN chooses tests, and TORTURE_ABLATION=if-match, conflict-as-success,
# memory, fsync or yield takes away what a test rests on, which then must fail.
torture = go test -C tools -race -count=1 -timeout 12h -tags torture -v -run '$(or $(TORTURE_RUN),.)' ./torture

.PHONY: torture
ifeq ($(TORTURE_ABLATION),fsync)
torture: needs-go ## Prove that no update is lost, at length: a million operations under faults, kills, outages, restarts
	go test -C libs/storage -race -count=1 -v -run '^TestPowerCut$$' ./diskstore
else ifeq ($(TORTURE_ABLATION),yield)
torture: needs-go
	go test -C libs/storage -race -count=1 -v -run '^TestFairness$$' ./ledger
else
torture: $(suites)
	LEDGER_SEEDS='$(or $(LEDGER_SEEDS),500)' go test -C libs/storage -race -count=1 -timeout 1h -v -run '^(TestSimulation|TestFairness|TestPowerCut)$$' ./ledger ./diskstore
	@TORTURE_LONG=1 $(with) engine localstack -- $(torture)
endif
