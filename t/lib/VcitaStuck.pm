# VcitaStuck - a process that stops at a function of nginx, so that it can be killed right there.
#
#   stuck_at($pid, 'ngx_rbtree_insert_value');    # the first instruction is now a jump to itself, in this process alone
#   zone_holder($pid, 1 << 20);                   # the pid that has the lock of the shared zone of that size, or 0
package VcitaStuck;

use strict;
use warnings;
no warnings qw( portable );                     # addresses are longer than 32 bits

use Exporter qw( import );
use POSIX ();

our @EXPORT = qw( stuck_at zone_holder );

my %JUMP = (x86_64 => "\xeb\xfe", aarch64 => "\x00\x00\x00\x14");


sub stuck_at {
    my ($pid, $function) = @_;
    my $jump = $JUMP{ (POSIX::uname())[4] } or die "no jump is known for this processor\n";
    my $binary = readlink "/proc/$pid/exe" or die "exe: $!";
    my ($at) = map { /^([0-9a-f]+) T \Q$function\E$/ ? hex $1 : () } `nm -D '$binary'` or die "no $function in $binary\n";
    my ($base) = map { /^([0-9a-f]+)-\S+ \S+ 0+ .*\Q$binary\E$/ ? hex $1 : () } lines("/proc/$pid/maps");
    $at += $base if $at < $base;                  # a position-independent one

    my $mem = memory($pid, '+<');
    sysseek $mem, $at, 0;
    syswrite $mem, $jump or die "$function: $!";
}


sub zone_holder {
    my ($pid, $size) = @_;
    my ($zone) = map { m{^([0-9a-f]+)-([0-9a-f]+) rw-s .*/dev/zero} && hex($2) - hex($1) == $size ? hex $1 : () }
        lines("/proc/$pid/maps") or die "no zone of $size bytes\n";

    my $mem = memory($pid, '<');
    sysseek $mem, $zone, 0;
    sysread $mem, my $word, 8;
    return unpack 'Q', $word;
}


sub memory {
    my ($pid, $how) = @_;
    open my $mem, "$how:raw", "/proc/$pid/mem" or die "/proc/$pid/mem: $!";
    return $mem;
}


sub lines {
    my ($path) = @_;
    open my $fh, '<', $path or die "$path: $!";
    return <$fh>;
}


1;
