# Replays a measured learning curve: the validation loss of configuration `config` after as many epochs as the trial's
# budget says. It goes on from its parent's step, and says so.
begin=0
[ -n "$SWEEP_CHECKPOINT_IN" ] && begin=$(cat "$SWEEP_CHECKPOINT_IN/step")
[ "$begin" = 0 ] || echo "goes on from step $begin of $SWEEP_PARENT"
awk -F, -v config="$config" -v budget="$SWEEP_BUDGET" '
    $1 == "config" { for (i = 2; i <= NF; i++) if ($i + 0 == budget + 0) column = i }
    $1 == config && column { print $column; found = 1 }
    END { exit !found }
' digits.csv > "$SWEEP_RESULT" || exit 1
echo "${SWEEP_BUDGET%.*}" > "$SWEEP_CHECKPOINT_OUT/step"
