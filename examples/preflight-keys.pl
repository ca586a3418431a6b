# preflight-keys.pl: reads a JSON Web Key Set (RFC 7517), and writes how many keys
# it has and how many of them can verify a signed token, as the module reads it:
# RSA of 2,048 bits or more for RS256.  Exit status 1: it is no key set, or larger
# than the module takes.
# Needs no module that is not in Debian's perl-base.

use strict;
use warnings;

my $LONGEST = 65_536;
my $MOST    = 64;                                # keys
my $DEEPEST = 16;
my $BASE64  = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-_';

my $text = do { local $/; <STDIN> } // '';

my $set = eval {
    die "too long\n" if length $text > $LONGEST;
    my $value = value(0);
    die "more follows\n" if $text !~ /\G\s*\z/gc;
    $value;
};
my $keys = ref $set eq 'HASH' ? $set->{keys} : undef;

exit 1 if ref $keys ne 'ARRAY' || @$keys > $MOST || grep { ref ne 'HASH' } @$keys;

print scalar(@$keys), ' ', scalar(grep { usable($_) } @$keys), "\n";


# what stands at the position of the text
sub value {
    my ($depth) = @_;

    die "too deep\n" if $depth > $DEEPEST;
    $text =~ /\G\s+/gc;

    return string()                if $text =~ /\G"/gc;
    return members($depth + 1)     if $text =~ /\G\{/gc;
    return elements($depth + 1)    if $text =~ /\G\[/gc;
    return \"$1"                   if $text =~ /\G(true|false|null|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)/gc;
    die "no JSON\n";
}

sub string {
    my %char = (b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

    $text =~ /\G((?:[^"\\\x00-\x1f]|\\(?:["\\\/bfnrt]|u[0-9a-fA-F]{4}))*)"/gc or die "no string\n";
    return $1 =~ s/\\(?:u(....)|(.))/defined $1 ? chr hex $1 : $char{$2} \/\/ $2/ger;
}

sub members {
    my ($depth) = @_;
    my %has;

    return \%has if $text =~ /\G\s*\}/gc;

    do {
        $text =~ /\G\s*"/gc or die "no name\n";
        my $name = string();
        die "a member twice\n" if exists $has{$name};
        $text =~ /\G\s*:/gc or die "no value\n";
        $has{$name} = value($depth);
    } while $text =~ /\G\s*,/gc;

    $text =~ /\G\s*\}/gc or die "no end\n";
    return \%has;
}

sub elements {
    my ($depth) = @_;
    my @has;

    return \@has if $text =~ /\G\s*\]/gc;

    do { push @has, value($depth) } while $text =~ /\G\s*,/gc;

    $text =~ /\G\s*\]/gc or die "no end\n";
    return \@has;
}


# what a key does not say, it may be used for
sub usable {
    my ($key) = @_;

    return ($key->{kty} // '') eq 'RSA'
           && ($key->{use} // 'sig') eq 'sig'
           && ($key->{alg} // 'RS256') eq 'RS256'
           && bits($key->{n}) >= 2_048 && bits($key->{n}) <= 8_192
           && bits($key->{e}) > 1 && bits($key->{e}) <= 32;
}

# of an odd number in base64url; 0: it is none
sub bits {
    my ($text) = @_;

    return 0 if !defined $text || ref $text || $text !~ /\A[A-Za-z0-9_-]+\z/ || length($text) % 4 == 1;

    my $bits = join '', map { sprintf '%06b', index $BASE64, $_ } split //, $text;
    my $spare = substr $bits, length($bits) - length($bits) % 8, 8, '';

    return 0 if $spare =~ /1/ || $bits !~ /1\z/;
    return length $bits =~ s/^0+//r;
}
