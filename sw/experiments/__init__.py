"""What was measured for README and docs: baselines, table, ablation, memory."""
