# The proof over real processes, in its long form; make test runs the short one.
#
# TORTURE_OPERATIONS, TORTURE_LISTS, TORTURE_CLIENTS, TORTURE_CYCLES, TORTURE_AWAY, TORTURE_RESTARTS and TORTURE_SEED
# change its numbers (tools/torture/doc.go), TORTURE_RUN chooses tests of tools/torture alone, and
# TORTURE_ABLATION=if-match, conflict-as-success, memory, fsync or yield removes a mechanism that a test needs: it must fail.
TORTURE_RUN_fsync = ^TestPowerCut$$
TORTURE_RUN_yield = ^TestFairness$$
torture-library = go test -C libs/storage -race -count=1 -timeout 2h -v

.PHONY: torture
torture: needs-go ## Prove at length that no update is lost: TORTURE_OPERATIONS=1000000, ... (tools/torture/torture.mk)
ifneq ($(filter fsync yield,$(TORTURE_ABLATION)),)
	$(torture-library) -run '$(TORTURE_RUN_$(TORTURE_ABLATION))' ./ledger ./diskstore
else
ifeq ($(TORTURE_RUN)$(TORTURE_ABLATION),)
	LEDGER_SEEDS='$(or $(LEDGER_SEEDS),300)' $(torture-library) -run '^(TestSimulation|TestFairness|TestPowerCut)$$' ./ledger ./diskstore
	$(torture-library) -run '^TestKill$$' -count=20 ./diskstore ./boltstore
	go test -C services/todo-api -count=60 -timeout 2h -run '^TestKill$$' ./cmd/todo-api
endif
	@$(if $(TORTURE_ABLATION),,TORTURE_LONG=1) $(with) engine localstack redis haproxy -- go test -C tools -race -count=1 -timeout 12h -tags torture -v \
		-run '$(or $(TORTURE_RUN),$(if $(TORTURE_ABLATION),^TestThreeInstances$$,.))' ./torture
endif

.PHONY: scale
scale: needs-go ## Count the reads of 1,000 watched lists in virtual time, without and with hints (SCALE_LISTS=1000; docs/scale.md)
	SCALE_LISTS='$(or $(SCALE_LISTS),1000)' go test -C libs/storage -count=1 -v -run '^TestReadsOfWatchedLists$$' ./ledger
