# Sourced by the scripts that people run: --help prints the comment at the head of the script.

case "${1:-}" in
    -h | --help)
        awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
        exit
        ;;
esac
